// Package checkpoint has CRIU dump containers into images, and restore them.
package checkpoint
