"""Untrusted Python and JavaScript, confined by the kernel and started at fork speed.

`protocol` is the wire, `jobs` and `errors` its vocabulary, `client` what the product calls; `server`, `zygote`,
`runner` and `kernel` are the resident side and import no Django.
"""
