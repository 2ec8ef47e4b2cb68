"""Tests of crash cards."""
