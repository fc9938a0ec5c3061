mod changing;
mod creating;
mod disabling;
mod fixture;
mod refusing;
mod signing;
mod visibility;
