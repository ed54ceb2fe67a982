"""What the supervisor hands to `python -I -S -B -c`, with the project's root and the leash's descriptor as arguments.

It is passed as text, and loads the loader by hand, so that from the first frame on nothing carries the name of a
file of this machine.
"""

import sys


def _boot(root: str, leash: int) -> None:
    name = "apps.core.sandbox.runner.loader"
    path = f"/{name.replace('.', '/')}.py"
    loader = type(sys)(name)
    sys.modules[name] = loader
    with open(root + path, encoding="utf-8") as file:
        exec(compile(file.read(), f"<python>{path}", "exec"), loader.__dict__)  # noqa: S102 - our own file
    sys.path.insert(0, root)
    loader.install(root)
    from apps.core.sandbox.zygote.service import main

    job = main(leash)
    del leash, root, file, loader, main, name, path
    job()


if __name__ == "__main__":
    _boot(sys.argv[1], int(sys.argv[2]))
