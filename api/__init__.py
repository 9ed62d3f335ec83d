"""Litestar routes by promise: strict decoding, principals, scope and problem answers. No SQL, no
rules."""
