"""What an application talks about: messages and models. Pure data, no input or output."""
