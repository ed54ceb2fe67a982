"""The script of the supervisor and of the gateway: `python -I -S -B boot.py (supervisor|gateway) DESCRIPTOR`.

The descriptor holds the configuration as JSON. Nothing of the product's environment comes along.
"""

import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, __file__.removesuffix("/apps/core/sandbox/server/boot.py"))
    from apps.core.sandbox.server.config import ServerConfig

    with os.fdopen(int(sys.argv[2]), encoding="utf-8") as file:
        config = ServerConfig.decode(file.read())
    if sys.argv[1] == "gateway":
        from apps.core.sandbox.server.gateway import main
    else:
        from apps.core.sandbox.server.supervisor import main
    sys.exit(main(config))
