"""The network: aiohttp, aiodns and sockets leave an Attempt."""
