package rtstart

// growStack makes the calling goroutine's stack large enough for what a start
// needs, which is 32 KiB. A goroutine begins with 2; to double it again and again
// costs most when it is deep, for all its frames have to be understood and moved,
// and each size has pages of its own. It has a frame that it does not use.
func growStack()
