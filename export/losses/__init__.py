"""Losses: trained on."""
