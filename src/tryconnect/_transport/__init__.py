"""The network: aiohttp, pycares and sockets leave an Attempt."""
