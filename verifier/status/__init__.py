"""The status of certificates (step 8): our own CAs' from their store, others' by OCSP and CRL; fails closed.

`own` is the store's look-up, at once and without a network. For all others `lookup` is the one to ask:
`settings` and `sources` say whom, `addresses`, `places`, `resolving` and `fetching` how they are reached,
`breaker` and `gate` what keeps one CA's outage from all others, `ocspclient` and `crlclient` what is
asked, `webeid` and `judging` what counts as an answer. `once` asks without any of that, for a command.
"""
