echo "$1" >> ledger
