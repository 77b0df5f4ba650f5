"""Hutong's own processes under test."""
