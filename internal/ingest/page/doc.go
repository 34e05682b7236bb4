// Package page has the files of the page that shows all objects, and serves them. The files ask the routes of /v1/scaledobjects for what they
// show, and refer to each other and to those routes by relative URLs, so that the page works below any path.
package page
