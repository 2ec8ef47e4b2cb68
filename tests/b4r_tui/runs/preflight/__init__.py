"""Tests of the pre-flight."""
