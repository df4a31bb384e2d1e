"""Run the shop: ``python -m examples.shop [FILE] [--database URL] [--stream URL]``."""

import sys

if __name__ == "__main__":
    try:
        from .cli import main

        sys.exit(main())
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        print('Install the shop with: pip install -e ".[demo]"', file=sys.stderr)
        print("PostgreSQL, Redis and NATS need postgres, redis or nats as well.", file=sys.stderr)
        sys.exit(2)
