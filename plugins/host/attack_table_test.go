package host

import (
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// attackCase is one attack, and from which level of the sandbox on it is stopped.
type attackCase struct {
	name string
	do   string // for fault; words in braces stand for what the arena has, see arena.words

	root, user sandbox.Level // lowest level that stops it under root and under an ordinary user; 0: rlimit
	abi        int           // generation of Landlock that stops it on level landlock; before, full does

	judge    judge         // default: reported
	deadline time.Duration // of the call; default 15 s
	grant    bool          // the settings grant the web server
	memoryMB int           // how much leak takes
	plugin   string        // default: fault
	proof    proof
	harms    bool // not for level none: it would harm the machine
	spoils   bool // the process is not fit for more afterwards
	looked   bool // the host must look into the process, for which root in a container may lack the right
	programs bool // held back by Landlock alone, on full, too
}

// proof says who must get through without a sandbox.
type proof int

const (
	unproven proof = iota // the system may stop it for reasons of its own; root does not try it without a sandbox
	anyone
	onlyRoot
)

const (
	landlock = sandbox.Landlock
	full     = sandbox.Full
)

// attackTable are all attacks. Those that get through on low levels do so because
//   - rlimit leaves files to the rights of the user that the plug-in runs as: its own
//     under root, the server's under an ordinary user;
//   - Landlock has no rule for unix sockets by path before generation 9, and none for
//     signals and abstract sockets before 6.
func attackTable() []attackCase {
	return slices.Concat(fileAttacks(), writeAttacks(), pageAttacks(), networkAttacks(), egressAttacks(), processAttacks(),
		kernelAttacks(), limitAttacks(), endAttacks(), outputAttacks())
}

func fileAttacks() []attackCase {
	return []attackCase{
		{name: "read /etc/shadow", do: "attack read /etc/shadow", proof: onlyRoot},
		{name: "read /etc/passwd", do: "attack read /etc/passwd", root: landlock, user: landlock, proof: anyone},
		{name: "list /home", do: "attack list /home", root: landlock, user: landlock, proof: anyone},
		{name: "list /sys", do: "attack list /sys", root: landlock, user: landlock, proof: anyone},
		{name: "read a password in the server's settings", do: "attack read {base}/conf/server.yaml", root: landlock, user: landlock, proof: anyone},
		{name: "read the server's secret.key", do: "attack read {base}/data/secret.key", user: landlock, proof: anyone},
		{name: "read the journal", do: "attack read {base}/data/journal/1", user: landlock, proof: anyone},
		{name: "read a blob", do: "attack read {base}/data/blobs/1", user: landlock, proof: anyone},
		{name: "read the page of another plug-in", do: "attack read {slot}/in/1-page", user: landlock, proof: anyone},
		{name: "read the host's environment", do: "attack read /proc/{host}/environ", proof: onlyRoot},
		{name: "read the host's memory by /proc", do: "attack read /proc/{host}/mem mem", proof: onlyRoot},
		{name: "list the host's descriptors", do: "attack list /proc/{host}/fd", proof: onlyRoot},
		{name: "look through the host's root", do: "attack read /proc/{host}/root/etc/passwd", proof: onlyRoot},
		{name: "read another program's environment", do: "attack read /proc/{bystander}/environ", user: landlock, proof: anyone},
		{name: "read another plug-in's memory by /proc", do: "attack read /proc/{neighbour}/mem mem", user: landlock},
		{name: "see a secret of the host's environment", do: "attack environment leaked-words"},
		{name: "use a descriptor that the host inherited", do: "attack descriptors leaked-words", proof: anyone},
	}
}

func writeAttacks() []attackCase {
	return []attackCase{
		{name: "write to /etc", do: "attack create /etc/twinleaf-attack-{uid}", judge: appears("/etc/twinleaf-attack-{uid}"), proof: onlyRoot},
		{name: "write to /dev/shm", do: "attack create /dev/shm/twinleaf-attack-{uid}", root: landlock, user: landlock, judge: appears("/dev/shm/twinleaf-attack-{uid}"), proof: anyone},
		{name: "write to /var/tmp", do: "attack create /var/tmp/twinleaf-attack-{uid}", root: landlock, user: landlock, judge: appears("/var/tmp/twinleaf-attack-{uid}"), proof: anyone},
		{name: "write to the host's /tmp", do: "attack create /tmp/twinleaf-attack-{uid}", root: landlock, user: landlock, judge: appears("/tmp/twinleaf-attack-{uid}"), proof: anyone},
		{name: "overwrite its own program", do: "attack overwrite {program}"},
		{name: "overwrite the server's program", do: "attack overwrite {server}"},
		{name: "put a program into the plug-in folder", do: "attack create {plugins}/evil", user: landlock, judge: appears("{plugins}/evil"), proof: anyone},
		{name: "write into the journal", do: "attack overwrite {base}/data/journal/1", user: landlock, proof: anyone},
		{name: "empty a blob", do: "attack truncate {base}/data/blobs/1", user: landlock, abi: 3, proof: anyone},
		{name: "open the server's secret.key to all", do: "attack chmod {base}/data/secret.key", user: landlock, judge: modeKept("{base}/data/secret.key"), proof: anyone},
		{name: "date the journal back", do: "attack touch {base}/data/journal/1", user: landlock, judge: modeKept("{base}/data/journal/1"), proof: anyone},
		{name: "give another plug-in a page", do: "attack create {slot}/in/2-page", user: landlock, judge: appears("{slot}/in/2-page"), proof: anyone},
		{name: "give another plug-in an output", do: "attack create {slot}/out/evil", user: landlock, judge: appears("{slot}/out/evil"), proof: anyone},
		{name: "keep a secret under a name of its own", do: "attack link {base}/data/secret.key", user: landlock},
	}
}

func pageAttacks() []attackCase {
	all := []attackCase{
		{name: "change the page", do: "attack overwrite-input"},
		{name: "empty the page", do: "attack truncate-input"},
		{name: "open the page to all", do: "attack chmod-input"},
		{name: "rename the page", do: "attack rename-input"},
		{name: "date the page back", do: "attack touch-input"},
		{name: "keep the page by a hard link and change it", do: "attack link-input"},
	}
	for i := range all {
		all[i].judge = pageUnharmed
	}
	return all
}

func networkAttacks() []attackCase {
	return []attackCase{
		{name: "connect by TCP to loopback", do: "attack tcp {tcp}", judge: unconnected, proof: anyone},
		{name: "connect by multipath TCP", do: "attack mptcp {tcp}", judge: unconnected},
		{name: "send by UDP", do: "attack udp {tcp}", proof: anyone},
		{name: "listen on a TCP port", do: "attack listen", proof: anyone},
		{name: "make an IPv6 socket", do: "attack socket inet6"},
		{name: "make a netlink socket", do: "attack socket netlink", proof: anyone},
		{name: "make a vsock socket", do: "attack socket vsock"},
		{name: "make a raw socket", do: "attack socket raw"},
		{name: "make a packet socket", do: "attack socket packet"},
		{name: "make a socket of the kernel's ciphers", do: "attack socket crypto"},
		{name: "make a socket by an x32 call", do: "attack x32", spoils: true},
		{name: "set up io_uring", do: "attack uring"},
		{name: "connect to a service's unix socket", do: "attack unix {service}", root: landlock, user: landlock, abi: 9, proof: anyone},
		{name: "connect to an abstract unix socket", do: "attack unix {abstract}", root: landlock, user: landlock, abi: 6, proof: anyone},
		{name: "use another plug-in's way to the network", do: "attack unix {sockets}/egress", proof: anyone},
		{name: "speak to another plug-in as its host", do: "attack unix {socket}", user: landlock, abi: 9, proof: anyone},
	}
}

func egressAttacks() []attackCase {
	all := []attackCase{
		{name: "reach a host that nobody granted", do: "attack reach {tcp}"},
		{name: "reach inside by a name of the manifest", do: "attack reach {author}"},
		{name: "follow a redirect to cloud metadata", do: "attack get http://{granted}/?to=http://169.254.169.254/latest"},
		{name: "follow a redirect to loopback", do: "attack get http://{granted}/?to=http://{tcp}/"},
		{name: "CONNECT elsewhere under a granted Host", do: `attack proxy "CONNECT {tcp} HTTP/1.1\r\nHost: {granted}\r\n\r\n"`},
		{name: "CONNECT to user@host", do: `attack proxy "CONNECT {granted}@{tcp} HTTP/1.1\r\nHost: {granted}\r\n\r\n"`},
		{name: "CONNECT with a second request inside", do: `attack proxy "CONNECT {granted} HTTP/1.1\r\nContent-Length: 40\r\n\r\nCONNECT {tcp} HTTP/1.1\r\n\r\n"`},
		{name: "CONNECT with two targets", do: `attack proxy "CONNECT {granted}\t{tcp} HTTP/1.1\r\nHost: {granted}\r\n\r\n"`},
		{name: "GET in absolute form", do: `attack proxy "GET http://{tcp}/ HTTP/1.1\r\nHost: {granted}\r\n\r\n"`},
		{name: "GET in absolute form of what is granted", do: `attack proxy "GET http://{granted}/ HTTP/1.1\r\nHost: {tcp}\r\n\r\n"`},
	}
	for i := range all {
		all[i].judge, all[i].grant = unconnected, true
	}
	return append(all, attackCase{name: "ask for a private host in the manifest", plugin: "lie-private", judge: problem("public hosts only")})
}

func processAttacks() []attackCase {
	return []attackCase{
		{name: "trace the host", do: "attack ptrace {host}", proof: onlyRoot},
		{name: "trace another program", do: "attack ptrace {bystander}", proof: onlyRoot},
		{name: "read the host's memory by a call", do: "attack vmread {host}", proof: onlyRoot},
		{name: "take a descriptor of the host's", do: "attack getfd {host}", proof: onlyRoot},
		{name: "send the host a signal", do: "attack signal {host} 18", user: landlock, abi: 6, proof: anyone},
		{name: "send another plug-in a signal", do: "attack signal {neighbour} 18", user: landlock, abi: 6, proof: anyone},
		{name: "stop another program", do: "attack signal {bystander} 19", user: landlock, abi: 6, judge: bystanderRuns, proof: anyone},
		{name: "kill another program", do: "attack signal {bystander} 9", user: landlock, abi: 6, judge: bystanderRuns, proof: anyone},
		{name: "set the host's limits", do: "attack prlimit {host}", proof: onlyRoot},
		{name: "set the host's priority", do: "attack nice {host}", proof: anyone},
		{name: "set the host's processors", do: "attack affinity {host}", proof: anyone},
		{name: "run a shell", do: "attack exec /bin/sh -c true", root: landlock, user: landlock, programs: true, proof: anyone},
		{name: "run curl", do: "attack exec /usr/bin/curl --version", root: landlock, user: landlock, programs: true},
		{name: "run a setuid program", do: "attack exec /bin/su -c true", proof: onlyRoot},
		{name: "run a program that it wrote", do: "attack drop", root: landlock, user: landlock, programs: true, proof: anyone},
		{name: "leave a daemon behind", do: "attack daemon", judge: nothingStays, spoils: true, proof: anyone},
		{name: "leave children behind and crash", do: "orphan number", judge: nothingStays, spoils: true},
	}
}

func kernelAttacks() []attackCase {
	return []attackCase{
		{name: "become root", do: "attack root", proof: onlyRoot},
		{name: "have or gain a capability", do: "attack capabilities", proof: anyone},
		{name: "make a user namespace", do: "attack unshare users"},
		{name: "make a mount namespace", do: "attack unshare files", proof: onlyRoot},
		{name: "enter the host's namespaces", do: "attack setns {host}", proof: onlyRoot},
		{name: "mount", do: "attack mount", proof: onlyRoot},
		{name: "chroot", do: "attack chroot", proof: onlyRoot},
		{name: "add a key to the kernel's", do: "attack keyctl"},
		{name: "load into the kernel (bpf)", do: "attack bpf"},
		{name: "watch with perf", do: "attack perf"},
		{name: "handle page faults (userfaultfd)", do: "attack userfaultfd"},
		{name: "type on a terminal (TIOCSTI)", do: "attack tiocsti"},
		{name: "24 other calls of root", do: "attack calls", harms: true},
	}
}

func limitAttacks() []attackCase {
	return []attackCase{
		{name: "fork bomb", do: "attack bomb 300", harms: true, spoils: true},
		{name: "thread bomb", do: "attack threads 300", harms: true, spoils: true},
		{name: "map 30 GB", do: "attack map 30", harms: true},
		{name: "fill memory", do: "leak", memoryMB: 700, harms: true, judge: fails("over-limit memory")},
		{name: "fill shared memory", do: "attack shared 4", proof: anyone},
		{name: "fill a memfd", do: "attack memfd 64", proof: anyone},
		{name: "leave a shared segment (SysV)", do: "attack shm", proof: anyone},
		{name: "leave a message queue (SysV)", do: "attack queue", proof: anyone},
		{name: "open 4,000 files", do: "attack open 4000"},
		{name: "write one big file", do: "attack big 150"},
		{name: "fill the disk with files", do: "attack fill 400", judge: fails("over-limit disk")},
		{name: "fill the disk with files without names", do: "attack unlinked 400", judge: fails("over-limit disk"), deadline: 3 * time.Second, looked: true},
		{name: "make files without end", do: "attack many 40000", judge: fails("over-limit disk")},
		{name: "answer with 200 MB", do: "fine", plugin: "giant", judge: fails("")}, // by its memory or by the size of the answer, which comes first
		{name: "flood standard output", do: "stdout", judge: harmless},
		{name: "flood standard error", do: "stderr", judge: harmless},
	}
}

func endAttacks() []attackCase {
	const soon = 250 * time.Millisecond
	return []attackCase{
		{name: "hang", do: "hang", deadline: soon, judge: endsInTime},
		{name: "spin", do: "spin", deadline: soon, judge: endsInTime},
		{name: "stop itself (SIGSTOP)", do: "stop", deadline: soon, judge: endsInTime},
		{name: "tell of progress without end", do: "fine", plugin: "progress", deadline: soon, judge: endsInTime},
		{name: "crash", do: "crash", judge: fails("crashed in clean")},
		{name: "segfault", do: "segfault", judge: fails("crashed in clean")},
		{name: "panic", do: "panic", judge: fails("")},
		{name: "exit 0", do: "exit", judge: fails("crashed in clean")},
	}
}

func outputAttacks() []attackCase {
	return []attackCase{
		{name: "answer with a link to /etc/passwd", do: "symlink", judge: fails("escapes from parent")},
		{name: "answer with a hard link to the page", do: "hardlink", judge: notTaken},
		{name: "answer with a file of two names", do: "twonames", judge: fails("has 2 names")},
		{name: "answer with a FIFO", do: "fifo", judge: fails("is not a plain file")},
		{name: "answer with a folder", do: "folder", judge: fails("is not a plain file")},
		{name: "answer with a device", do: "device", judge: notTaken},
		{name: "answer with a socket", do: "socket", judge: notTaken},
		{name: "answer with a sparse giant", do: "sparse 200", judge: notTaken},
		{name: "answer with a file that is all hole", do: "sparse 90", judge: fails("holes")},
		{name: "answer with a file outside its folder", do: "elsewhere", judge: fails("outside the output folder")},
		{name: "answer with a path through ..", do: "dots", judge: fails("outside the output folder")},
		{name: "answer with a file that is not there", do: "missing", judge: fails("no such file")},
		{name: "answer with a setuid program", do: "setuid", judge: takenPlainly},
		{name: "name an output ../../evil", do: "badname", judge: takenPlainly},
		{name: "name an output ..", do: "called dots", judge: takenPlainly},
		{name: "name an output /etc/passwd", do: "called absolute", judge: takenPlainly},
		{name: "name an output with a line break", do: "called break", judge: takenPlainly},
		{name: "name an output with an escape", do: "called escape", judge: takenPlainly},
		{name: "name an output with a zero byte", do: "called zero", judge: takenPlainly},
		{name: "name an output with 300 letters", do: "called long", judge: takenPlainly},
		{name: "leave 1,500 files beside the answer", do: "flood 1500", judge: takenPlainly},
	}
}
