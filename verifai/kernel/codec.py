"""The canonical files of networks and queries, under one name.

May import: network_file, query_file. Must not know: certificates.
"""

from verifai.kernel.network_file import decode_network, digest, encode_network
from verifai.kernel.query_file import decode_query, encode_query

__all__ = ["decode_network", "decode_query", "digest", "encode_network", "encode_query"]
