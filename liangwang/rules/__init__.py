"""One small condition language with two back ends, and the stream kernel. No Django."""
