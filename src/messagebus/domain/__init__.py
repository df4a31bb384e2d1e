"""The domain: messages and models. Pure data, without I/O."""
