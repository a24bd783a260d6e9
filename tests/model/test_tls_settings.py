"""What a client trusts and shows."""

from __future__ import annotations

from tryconnect._model.tls_settings import TlsSettings


def test_unless_it_is_told_otherwise_a_client_verifies_as_the_process_does() -> None:
    assert TlsSettings() == (True, False, None, None, None)


def test_clients_that_trust_and_show_the_same_share_their_contexts() -> None:
    """It is a key of the contexts that are built."""
    assert {TlsSettings(ca_file="a"): 1}[TlsSettings(ca_file="a")] == 1
    assert TlsSettings(ca_file="a") != TlsSettings(cert_file="a")
