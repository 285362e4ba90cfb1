"""Rules of plan indicators: pure functions from arrays to exact results."""
