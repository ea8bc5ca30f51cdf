"""The canonical files of networks and queries, under one name.

May import: files.network, files.query. Must not know: certificates.
"""

from verifai.kernel.files.network import decode_network, digest, encode_network
from verifai.kernel.files.query import decode_query, encode_query

__all__ = ["decode_network", "decode_query", "digest", "encode_network", "encode_query"]
