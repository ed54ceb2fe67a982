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
.venv/bin/python manage.py compilemessages --ignore .venv --ignore var
