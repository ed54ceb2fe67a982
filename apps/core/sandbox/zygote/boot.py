"""The script the supervisor executes: `python -I -S -B boot.py LEASH`, with the leash as an open descriptor.

It makes the project's own modules importable under names that tell nothing about the machine, and goes on in
`service.main`.
"""

import sys

if __name__ == "__main__":
    root = __file__.removesuffix("/apps/core/sandbox/zygote/boot.py")
    sys.path.insert(0, root)
    from apps.core.sandbox.zygote.loader import install

    install(root)
    from apps.core.sandbox.zygote.service import main

    main(int(sys.argv[1]))
