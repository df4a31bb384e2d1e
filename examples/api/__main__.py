"""Run the box office: ``python -m examples.api [--database URL] [--stream URL] [--port PORT]``."""

import argparse
import sys


def main() -> None:
    """Serve the application until an interrupt."""
    parser = argparse.ArgumentParser(prog="python -m examples.api")
    parser.add_argument(
        "--database",
        metavar="URL",
        default="sqlite+aiosqlite:///shows.sqlite",
        help="SQLAlchemy URL",
    )
    parser.add_argument("--stream", metavar="URL", default="stdout:", help="where to send events")
    parser.add_argument("--port", type=int, default=8000, help="on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args()
    try:
        transport = async_transport_from_url(options.stream)
    except ConfigurationError as error:
        parser.error(str(error))
    app = create_app(options.database, transport)
    uvicorn.run(app, host="127.0.0.1", port=options.port, access_log=False)


if __name__ == "__main__":
    try:
        import uvicorn

        from messagebus import ConfigurationError
        from messagebus.adapters.factory import async_transport_from_url

        from .web import create_app
    except ImportError as error:
        print(f"error: {error}", file=sys.stderr)
        print('Install the box office with: pip install -e ".[api]"', file=sys.stderr)
        sys.exit(2)
    main()
