from plugin import plugin

plugin.serve()
