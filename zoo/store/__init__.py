"""Releases on disk: hashing and checking files."""
