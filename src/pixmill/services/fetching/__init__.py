"""
Strangers' URLs: fetched from the public internet, and from nowhere else.

A server that fetches what it is told to can be told to fetch what only it can reach: its own ports,
its neighbors, the cloud's metadata service (SSRF). Looking at the URL does not help, since a name
may lead anywhere and change between two questions. So the check sits where the connection is made:

1. `urls` takes a URL apart and refuses what no honest picture has; each redirect comes here again.
2. `backend` asks for the addresses of the host (`names`), checks every one of them (`addresses`),
   and dials one that it has checked. There is no other way to the network.
3. `responses` believes nothing that the server says, and counts what it sends.
4. `fetcher` is what the rest of Pixmill calls: one deadline, few at a time, and one error for all
   that the network can do, so that nobody learns from it what is behind an address.
"""
