// Package sandbox starts strangers' programs so that they can do little harm. The
// plug-in host calls it; [Main] stands first in the main function of every program
// that does.
//
// A confined start goes through a shim: the host's own program, started again by
// [Command] with a [Spec] in its environment. The shim builds the walls around its
// own process and then becomes the program. What does not work is one line on
// standard error that begins with [ErrorPrefix].
//
// There are four levels. On "full" the process sees a file system of its own, with
// nothing in it but system libraries (read only), its own folder and what the Spec
// names; it is alone in its process, network and IPC namespaces, and all it started
// ends with it. On "landlock" it sees the host's files and processes but may open
// only those of the Spec. On "rlimit" files are not held back beyond the user's own
// rights. Down to there it has no network but unix sockets, no capabilities, no way
// to gain rights, and ceilings for memory, time, files and processes. "none" is an
// ordinary process. [Probe] tries which level works on a machine.
package sandbox
