#!/bin/sh
# Collect the texts of code, templates and browser modules into locale/, and compile it. Needs GNU gettext.
set -eu
cd "$(dirname "$0")/.."

collect() {
    .venv/bin/python manage.py makemessages --locale zh_Hans --no-obsolete --no-wrap --add-location file \
        --ignore ".venv/*" --ignore "var/*" --ignore "site/*" --ignore "tests/*" --ignore "benchmarks/*" "$@"
}

collect
collect --domain djangojs
# without dates and wrapped places, so that a change of code changes no more lines here than it has to
.venv/bin/python - locale/zh_Hans/LC_MESSAGES/*.po <<'END'
import sys

import polib

for path in sys.argv[1:]:
    texts = polib.pofile(path, wrapwidth=0)
    for name in ("Report-Msgid-Bugs-To", "POT-Creation-Date"):
        texts.metadata.pop(name, None)
    texts.save()
END
.venv/bin/python manage.py compilemessages --ignore .venv --ignore var
