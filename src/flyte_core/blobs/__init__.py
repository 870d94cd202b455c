"""Bytes beside the history: content-checked files, and code bundles as archives."""
