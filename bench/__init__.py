"""Workloads of docs/reference/performance.md, ours beside the peers, interleaved round by round."""
