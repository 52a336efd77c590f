"""Explanations and tables for people: figures and pages."""
