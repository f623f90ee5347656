"""Object detection for lemur: nets and metrics."""
