"""
Webhooks: what somebody asked to be told of, brought to their server as Standard Webhooks 1.0 says.

1. `webhooks` adds a delivery in the transaction of whatever there is to tell, makes one attempt
   each time that the queue says so, and orders the next one when its time has come. The times are
   in the database: neither a dead process nor a restart changes them, and nobody waits in between.
2. `signing` makes the headers by which a receiver knows who sends.
3. `silence` leaves receivers alone that let us wait, so that the others need not.
4. `log` is what the operator sees and does.
"""
