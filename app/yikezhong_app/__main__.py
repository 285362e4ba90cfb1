"""``python -m yikezhong_app``: the same as the command ``yikezhong``."""

from yikezhong_app.cli import main

if __name__ == "__main__":
    main()
