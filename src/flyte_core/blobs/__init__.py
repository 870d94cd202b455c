"""Bytes beside the history: code bundles as archives."""
