#!/bin/sh
# Everything that can be told without running the product. Each step says what it is; the first failure ends it.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin

step() {
    echo "== $1"
    shift
    "$@"
}

# The throwaway values let production settings load; nothing is served with them.
deploy_check() {
    SECRET_KEY="$($bin/python -c 'import secrets; print(secrets.token_urlsafe(64))')" \
        DJANGO_SETTINGS_MODULE=config.settings.production ALLOWED_HOSTS=flywheel.example.com \
        $bin/python manage.py check --deploy --fail-level WARNING
}

step "ruff" $bin/ruff check .
step "format" $bin/ruff format --check --quiet .
step "types" $bin/mypy apps config
step "imports" $bin/lint-imports
step "settings" deploy_check
step "migrations" env DJANGO_SETTINGS_MODULE=config.settings.test $bin/python -W ignore manage.py makemigrations --check --dry-run --verbosity 1
step "configuration page" $bin/python -m scripts.document_settings --check
step "node types page" $bin/python -m scripts.document_nodes --check
step "API document" $bin/python manage.py spectacular --validate --fail-on-warn --file /dev/null
step "source rules" $bin/python -m scripts.check_source
# H020: empty elements are icons and bars that CSS draws; H042: a label's field may be in an included file;
# D018: error pages link to the root by hand, since looking a name up may be what failed
step "templates" $bin/djlint --lint --quiet --ignore D018,H020,H042 templates apps
step "translations" $bin/python -m scripts.check_translations
echo "All checks passed."
