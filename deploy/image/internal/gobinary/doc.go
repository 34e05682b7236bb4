// Package gobinary opens programs that Go has compiled and reads what they record about themselves: their platform and their modules.
package gobinary
