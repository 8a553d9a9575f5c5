// Package sdkv1 is the SDK of generation 1 of the plug-in contract. It is frozen:
// it is kept so that programs built with it go on being served and tested, and
// gains nothing. New plug-ins use package sdk, which speaks generation 2.
//
// A program is one component: a filter, a recognizer or a deliverer.
//
//	func main() {
//		sdkv1.Serve(sdkv1.Info{Name: "example.invert", Version: "1.0.0"}, sdkv1.Filter(invert))
//	}
//
// What generation 2 changed:
//
//   - a program may have several components, and readers, indexers and assemblers;
//   - a call can be cancelled, and tells of its progress; here the host ends the
//     process of a call whose answer it no longer wants;
//   - the schema of the settings comes from the code; here it is written by hand, and
//     unknown settings are ignored unless Check refuses them;
//   - errors have a code and a remedy, a panic costs one call and not the process;
//   - requests carry limits and a scratch folder; "PROGRAM describe" prints the manifest.
package sdkv1
