"""Serve the HTTP entrypoint on 127.0.0.1: ``python -m examples.allocation [PORT]``."""

import sys

if __name__ == "__main__":
    try:
        import uvicorn

        from .app import app
        from .web import create_web
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        print('Install the service with: pip install -e ".[api]"', file=sys.stderr)
        sys.exit(2)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    uvicorn.run(create_web(app), host="127.0.0.1", port=port, access_log=False)
