/**
 * Hot path. One direction of one body: takes what landed, checks its framing, and lays it out as it is
 * sent on. Lengths are counted; chunks are read and written anew by the router, without extensions.
 */
