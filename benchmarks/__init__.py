"""What daypass costs beside its peers, measured in one run. ``make bench`` runs it; ``python -m benchmarks --help``."""
