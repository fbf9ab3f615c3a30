"""The `animegan` command, and `train.py`, `infer.py`, and `export.py` of a clone.

A verb X is two modules: `X_flags` says what the command line takes and loads no TensorFlow, so that
help and mistakes are answered at once; `X_command` does the work. What all verbs share:

    main       the list of verbs; finds the one that is meant
    command    parses flags, reports what is wrong, ends with the right exit status
    flags      flags made from a class of settings
    models     the network that --style and --model name
    progress   how far long work has come, and how long the rest will take
    demo_page  the page that the demo ends with
    system_errors  a full disk and the like, in one line

Of single verbs:

    train_films       frames of films that `train` learns from
    train_settings    which run `train` is asked for, and whether it can be
    web_server        serves the page of `web` to this machine
"""
