"""Many regions under many scenarios: batch files, tasks, a store that survives, results at scale.

``model`` and ``files`` hold the file format, ``inputs`` what a file asks for, ``task`` the work of
one region, ``plan`` what will be run and what it costs, ``run`` and ``workers`` the running,
``lean`` and its parts the same work without labels, on memory used again;
``template``, ``manifest`` and ``disk`` what is written, ``results`` and ``export`` what is read.
"""
