"""A certificate authority for tests, and good and bad certificates that it issues.

Everything is made at first use and cached for the process, since keys take milliseconds.

.. versionadded:: 0.1
"""

import datetime as dt
import functools
import ipaddress
import ssl
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

__all__ = ["CONTEXTS", "NAMES", "authority", "serving", "showing"]

NAMES = ("localhost", "127.0.0.1", "::1", "good.test", "*.good.test")
"""The names that good certificates are for."""

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
LOCALHOST = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@functools.cache
def authority() -> trustme.CA:
    """Return the authority that clients in these tests trust.

    .. versionadded:: 0.1
    """
    return trustme.CA(organization_name="tests of tryconnect")


@functools.cache
def client_context() -> ssl.SSLContext:
    """Return a client's context that trusts the authority only."""
    return ssl.create_default_context(cadata=authority().cert_pem.bytes().decode("ascii"))


def serving(leaf: trustme.LeafCert) -> ssl.SSLContext:
    """Return a server's context that presents this certificate.

    .. versionadded:: 0.1
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    leaf.configure_cert(context)
    return context


def good() -> ssl.SSLContext:
    """A valid certificate."""
    return serving(authority().issue_cert(*NAMES))


def expired() -> ssl.SSLContext:
    """It expired yesterday."""
    return serving(authority().issue_cert(*NAMES, not_before=NOW - 30 * DAY, not_after=NOW - DAY))


def not_yet_valid() -> ssl.SSLContext:
    """It is valid from tomorrow."""
    return serving(authority().issue_cert(*NAMES, not_before=NOW + DAY, not_after=NOW + 30 * DAY))


def wrong_host() -> ssl.SSLContext:
    """It is for ``other.test``."""
    return serving(authority().issue_cert("other.test"))


def unknown_ca() -> ssl.SSLContext:
    """It is signed by an authority that no client trusts."""
    return serving(trustme.CA(organization_name="nobody knows us").issue_cert(*NAMES))


def missing_intermediate() -> ssl.SSLContext:
    """It is signed by an intermediate authority, whose certificate the server omits."""
    leaf = authority().create_child_ca().issue_cert(*NAMES)
    return showing(leaf.private_key_pem.bytes() + leaf.cert_chain_pems[0].bytes())


def self_signed() -> ssl.SSLContext:
    """It is self-signed."""
    return showing(signed_by_itself(ec.generate_private_key(ec.SECP256R1())))


def weak_key() -> ssl.SSLContext:
    """An RSA key of 1024 bits: refused at OpenSSL's default security level, 2."""
    return showing(
        # Weak on purpose.
        signed_by_itself(rsa.generate_private_key(65_537, key_size=1024)),  # noqa: S505
        ciphers="DEFAULT:@SECLEVEL=0",
    )


def weak_digest() -> ssl.SSLContext:
    """A SHA-1 signature: refused at OpenSSL's default security level, too."""
    below = authority().create_child_ca(key_type=trustme.KeyType.RSA)
    issuer = x509.load_pem_x509_certificate(below.cert_pem.bytes()).subject
    signer = cast(
        "rsa.RSAPrivateKey",
        serialization.load_pem_private_key(below.private_key_pem.bytes(), None),
    )
    key = ec.generate_private_key(ec.SECP256R1())
    known_by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    made_out = _for_loopback(key, issuer=issuer).add_extension(known_by, critical=False)
    certificate = _over_sha1(made_out.sign(signer, hashes.SHA256()), signer)
    return showing(_pem(key, certificate) + below.cert_pem.bytes(), ciphers="DEFAULT:@SECLEVEL=0")


def address_only() -> ssl.SSLContext:
    """It is for ``127.0.0.1`` and for no name."""
    return serving(authority().issue_cert("127.0.0.1"))


def client_certificate_demanded() -> ssl.SSLContext:
    """The server requires a client certificate."""
    context = good()
    context.verify_mode = ssl.CERT_REQUIRED
    authority().configure_trust(context)
    return context


def sni_needed() -> ssl.SSLContext:
    """Only clients that ask for ``good.test`` get a certificate; others get an alert."""

    def choose(_: ssl.SSLObject, name: str | None, __: ssl.SSLContext) -> int | None:
        return None if name == "good.test" else ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME

    context = good()
    context.sni_callback = choose
    return context


def tls_1_0_only() -> ssl.SSLContext:
    """The server supports no version after TLS 1.0."""
    context = good()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    return context


CONTEXTS: dict[str, Callable[[], ssl.SSLContext]] = {
    make.__name__: make
    for make in (
        good,
        expired,
        not_yet_valid,
        wrong_host,
        self_signed,
        unknown_ca,
        missing_intermediate,
        weak_key,
        weak_digest,
        address_only,
        client_certificate_demanded,
        sni_needed,
        tls_1_0_only,
    )
}


@functools.cache
def context(kind: str) -> ssl.SSLContext:
    """Return the server's context of one kind (a name in ``CONTEXTS``), made once."""
    return CONTEXTS[kind]()


def signed_by_itself(key: Key) -> bytes:
    """Return a key and a self-signed certificate for loopback, in PEM."""
    return _pem(key, _for_loopback(key, issuer=LOCALHOST).sign(key, hashes.SHA256()))


def _for_loopback(key: Key, *, issuer: x509.Name) -> x509.CertificateBuilder:
    names = x509.SubjectAlternativeName(
        [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    return (
        x509.CertificateBuilder()
        .subject_name(LOCALHOST)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + 30 * DAY)
        .add_extension(names, critical=False)
    )


def _over_sha1(certificate: x509.Certificate, signer: rsa.RSAPrivateKey) -> x509.Certificate:
    """Replace the signature by hand, since cryptography no longer makes such certificates.

    The names of the two algorithms differ in their last byte (RFC 8017, appendix A.2.4).
    """
    name = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01"
    signed = certificate.tbs_certificate_bytes.replace(name + b"\x0b", name + b"\x05")
    signature = signer.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303 - on purpose
    der = certificate.public_bytes(serialization.Encoding.DER)
    der = der.replace(name + b"\x0b", name + b"\x05")[: -len(signature)] + signature
    return x509.load_der_x509_certificate(der)


def _pem(key: Key, certificate: x509.Certificate) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ) + certificate.public_bytes(serialization.Encoding.PEM)


def showing(pem: bytes, *, ciphers: str = "DEFAULT") -> ssl.SSLContext:
    """Return a server's context with this key and these certificates only.

    .. versionadded:: 0.1
    """
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_ciphers(ciphers)
    # The ssl module loads keys from files only.
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "both.pem")
        file.write_bytes(pem)
        context.load_cert_chain(file)
    return context
