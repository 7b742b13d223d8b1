"""Metrics: judged by people."""
