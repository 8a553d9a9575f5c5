// Command robust runs a pair of real servers through bad days and holds what came of it
// against what a pair promises.
//
//	go run ./bench/robust [-seed N] [-kills N] [-rounds N] [-only SCENE,…] [-keep DIR]
//
// A round is a scene: clients submit scans all the while, something bad happens, it
// ends, and when all is quiet again every acknowledged job must have arrived at its
// destination, both servers must tell the same, and no page may have been recognised
// more often than the scene allows. What happens in a round follows from the seed and
// the number of the round; `-seed N -round R` plays one again.
//
// It looks at the servers from outside: processes, disks and network are real, only the
// OCR engine is a stand-in, which tells the log what it reads.
package main
