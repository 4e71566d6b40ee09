"""Many regions under many scenarios: batch files, tasks, a store that survives, results at scale.

``model`` and ``files`` hold the file format, ``words`` and ``schema`` what its keys mean,
``inputs`` and ``trial`` what a file asks for and whether it can be had, ``task`` the work of one
region, ``plan`` and ``estimate`` what will be run and what that takes, ``run``, ``workers`` and
``failures`` the running, ``lean`` and its parts the same work without labels, on memory used again,
``costs`` the costs of additional births; ``template``, ``manifest`` and ``disk`` what is written,
``results``, ``cost_tables`` and ``export`` what is read.
"""
