"""The simulator: grid workers' phones, acted out by a separate process through the HTTP API.

``duty`` reads who walks where, ``patrol`` lets each walk and now and then stray, ``outbox`` loses the network and sends
late and twice as phones do, ``rounds`` reports cases and takes their steps, ``gateway`` speaks HTTP, ``run`` is the loop.
"""
