"""部门系统: a department's sample system on the public client. Copy ``handler.py`` to start your own."""
